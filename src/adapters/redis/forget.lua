-- Frees a key that is in use, for its user alone. KEYS: the key. ARGV: the mark that its user gave it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
return redis.call('DEL', KEYS[1])
