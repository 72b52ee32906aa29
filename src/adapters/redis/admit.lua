-- Judges one request: sliding windows first, then its idempotency key. All is by the server's own clock.
-- KEYS: the user's window if user_quota > 0, the address's window if address_quota > 0, the key if it has one; all of one slot.
-- ARGV: nonce, user_quota, user_window_ms, address_quota, address_window_ms, mark of the key in use, lease_ms
-- A window is a sorted set of the requests that it counts, by their times in microseconds. A key holds a mark: "I" (in use) or "D" (done), the
-- fingerprint of the request (32 digits), and for one in use who uses it.
-- Answers {verdict, is_repeat, user_remaining, user_reset_ms, address_remaining, address_reset_ms, wait_ms}; verdicts as in verdict_of.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next_key = 1

local function open(quota, window_ms)
	if quota == 0 then
		return nil
	end
	local window = {name = KEYS[next_key], quota = quota, length = window_ms * 1000}
	next_key = next_key + 1
	-- What is of another type under this name is not ours: it goes, or the limit would never count again.
	local oldest = redis.pcall('ZRANGE', window.name, 0, 0, 'WITHSCORES')
	if oldest.err then
		redis.call('DEL', window.name)
		oldest = {}
	end
	-- Most of the time nothing has left the window since the last request.
	if oldest[2] ~= nil and tonumber(oldest[2]) <= now - window.length then
		redis.call('ZREMRANGEBYSCORE', window.name, '-inf', now - window.length)
		oldest = redis.call('ZRANGE', window.name, 0, 0, 'WITHSCORES')
	end
	window.oldest = tonumber(oldest[2])
	window.used = window.oldest == nil and 0 or redis.call('ZCARD', window.name)
	return window
end

-- Until the oldest request leaves a window.
local function reset_ms(window)
	if window == nil then
		return 0
	end
	if window.oldest == nil then
		return math.ceil(window.length / 1000)
	end
	return math.ceil((window.oldest + window.length - now) / 1000)
end

local function wait_ms(window)
	return window ~= nil and window.used >= window.quota and reset_ms(window) or 0
end

local function count(window)
	if window ~= nil then
		redis.call('ZADD', window.name, now, ARGV[1])
		redis.call('PEXPIRE', window.name, math.ceil(window.length / 1000))
		window.used = window.used + 1
		window.oldest = window.oldest or now
	end
end

local function remaining(window)
	return window == nil and 0 or math.max(window.quota - window.used, 0)
end

local user = open(tonumber(ARGV[2]), tonumber(ARGV[3]))
local address = open(tonumber(ARGV[4]), tonumber(ARGV[5]))

local function answer(verdict, is_repeat, wait)
	return {verdict, is_repeat, remaining(user), reset_ms(user), remaining(address), reset_ms(address), wait}
end

local wait = math.max(wait_ms(user), wait_ms(address))
if wait > 0 then
	return answer(1, 0, wait)
end
count(user)
count(address)

local key = KEYS[next_key]
if key == nil then
	return answer(0, 0, 0)
end
local found = redis.pcall('GET', key)
if type(found) == 'table' then
	redis.call('DEL', key)
	found = false
end
if not found then
	redis.call('SET', key, ARGV[6], 'PX', ARGV[7])
	return answer(0, 0, 0)
end
if string.sub(found, 2, 33) ~= string.sub(ARGV[6], 2, 33) then
	return answer(3, 0, 0)
end
if string.sub(found, 1, 1) == 'I' then
	return answer(2, 0, 0)
end
return answer(0, 1, 0)
