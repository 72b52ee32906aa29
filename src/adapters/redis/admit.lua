-- Judges requests, one after the other: sliding windows first, then the idempotency key. All is by the server's own clock.
-- ARGV: user_quota, user_window_ms, address_quota, address_window_ms, lease_ms; then for each request: its nonce, its parts, its mark.
-- Parts is a sum: 1 the user's window, 2 the address's window, 4 the key. KEYS: for each request those that it has, in this order; in a cluster all
-- are of one slot.
-- A window is a sorted set of the requests that it counts, by their times in microseconds. A key holds a mark: "I" (in use) or "D" (done), the
-- fingerprint of the request (32 digits), and for one in use who uses it.
-- Answers one text of numbers with blanks between, for each request: verdict, is_repeat, user_remaining, user_reset_ms, address_remaining,
-- address_reset_ms, wait_ms; verdicts as in verdict_of.
local call, pcall = redis.call, redis.pcall
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local user_quota, user_length = tonumber(ARGV[1]), ARGV[2] * 1000
local address_quota, address_length = tonumber(ARGV[3]), ARGV[4] * 1000
local lease_ms = ARGV[5]
local next_key = 1

local function take_key()
	next_key = next_key + 1
	return KEYS[next_key - 1]
end

local function open(quota, length)
	local window = {name = take_key(), quota = quota, length = length}
	-- What is of another type under this name is not ours: it goes, or the limit would never count again.
	local oldest = pcall('ZRANGE', window.name, 0, 0, 'WITHSCORES')
	if oldest.err then
		call('DEL', window.name)
		oldest = {}
	end
	-- Most of the time nothing has left the window since the last request.
	if oldest[2] ~= nil and tonumber(oldest[2]) <= now - length then
		call('ZREMRANGEBYSCORE', window.name, '-inf', now - length)
		window.has_lost = true
		oldest = call('ZRANGE', window.name, 0, 0, 'WITHSCORES')
	end
	window.oldest = tonumber(oldest[2])
	window.used = window.oldest == nil and 0 or call('ZCARD', window.name)
	return window
end

-- Until the oldest request leaves a window.
local function reset_ms(window)
	return math.ceil(((window.oldest or now) + window.length - now) / 1000)
end

local function wait_ms(window)
	return window ~= nil and window.used >= window.quota and reset_ms(window) or 0
end

local function count(window, nonce)
	if window ~= nil then
		call('ZADD', window.name, now, nonce)
		-- What is counted before the oldest request leaves is out of the window two lengths from now.
		if window.used == 0 or window.has_lost then
			call('PEXPIRE', window.name, math.ceil(2 * window.length / 1000))
		end
		window.used = window.used + 1
		window.oldest = window.oldest or now
	end
end

-- What is left of a window and when it has more again.
local function room(window)
	if window == nil then
		return '0 0 '
	end
	return math.max(window.quota - window.used, 0) .. ' ' .. reset_ms(window) .. ' '
end

-- The verdict on a key, and whether the request is a repeat.
local function use(key, mark)
	if call('SET', key, mark, 'PX', lease_ms, 'NX') then
		return '0 0 '
	end
	local found = pcall('GET', key)
	if type(found) == 'table' then
		call('DEL', key)
		call('SET', key, mark, 'PX', lease_ms)
		return '0 0 '
	end
	if string.sub(found, 2, 33) ~= string.sub(mark, 2, 33) then
		return '3 0 '
	end
	return string.sub(found, 1, 1) == 'I' and '2 0 ' or '0 1 '
end

local function judge(nonce, parts, mark)
	local user = parts % 2 >= 1 and open(user_quota, user_length) or nil
	local address = parts % 4 >= 2 and open(address_quota, address_length) or nil
	local key = parts >= 4 and take_key() or nil
	local wait = math.max(wait_ms(user), wait_ms(address))
	local verdict = '1 0 '
	if wait == 0 then
		count(user, nonce)
		count(address, nonce)
		verdict = key ~= nil and use(key, mark) or '0 0 '
	end
	return verdict .. room(user) .. room(address) .. wait
end

local answers = {}
for i = 6, #ARGV, 3 do
	answers[#answers + 1] = judge(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2])
end
return table.concat(answers, ' ')
