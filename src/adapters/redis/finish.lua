-- Ends the use of a key by its user alone, or takes back what a request was counted.
-- KEYS: the key or the window. ARGV: mark of the key in use, its next mark ("" deletes it), remember_ms; or "", nonce.
if ARGV[1] == '' then
	return redis.call('ZREM', KEYS[1], ARGV[2])
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
if ARGV[2] == '' then
	return redis.call('DEL', KEYS[1])
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
