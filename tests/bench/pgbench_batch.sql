-- (b) 64 holds in a transaction that only writes: the limit of what the program does. The rows, columns and indexes are its own. Each session has
-- events of its own, so that none waits for another, and takes their seats in turn, as the load generator does.
\set n :n + 64
\set event :events / 2 * (:client_id % 2) + :n / 16000 % (:events / 32) * 16 + 1
\set seat :n / 16 % 1000
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE seats SET status = 2, holder_id = bench_id(:n::int8 + number, :client_id::int8), version = version + 1 FROM generate_series(0, 63) AS number WHERE event_id = bench_id(0, :event::int8 + number % 16) AND seat = bench_seat(:seat::int8 + number / 16) AND version > 0;
INSERT INTO holds SELECT bench_id(:n::int8 + number, :client_id::int8), bench_id(0, :event::int8 + number % 16), 'user-000000001234', 1, 1, 1800000000000, 1800000300000, 'S-12-34', 1 FROM generate_series(0, 63) AS number;
INSERT INTO events SELECT bench_id(:n::int8 + number, 1000 + :client_id::int8), bench_id(:n::int8 + number, :client_id::int8), 1, 4, 1800000000000, 'user-000000001234', decode(repeat('ab', 25), 'hex'), gen_random_uuid(), gen_random_uuid(), repeat('x', 330) FROM generate_series(0, 63) AS number;
INSERT INTO outbox VALUES (:n::int8 / 64 % 16, bench_id(:n::int8, 1000 + :client_id::int8), decode(repeat('ab', 16 * 64), 'hex'));
COMMIT;
