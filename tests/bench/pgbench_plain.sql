-- (a) One hold, as it is usually written: five statements in a SERIALIZABLE transaction. The rows, columns and indexes are those of the program.
\set n :n + 1
\set event random(1, :events)
\set seat random(0, 999)
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT status, price, version FROM seats WHERE event_id = bench_id(0, :event::int8) AND seat = bench_seat(:seat::int8);
UPDATE seats SET status = 2, holder_id = bench_id(:n::int8, :client_id::int8), version = version + 1 WHERE event_id = bench_id(0, :event::int8) AND seat = bench_seat(:seat::int8);
INSERT INTO holds VALUES (bench_id(:n::int8, :client_id::int8), bench_id(0, :event::int8), 'user-000000001234', 1, 1, 1800000000000, 1800000300000, 'S-12-34', 1);
INSERT INTO events VALUES (bench_id(:n::int8, 1000 + :client_id::int8), bench_id(:n::int8, :client_id::int8), 1, 4, 1800000000000, 'user-000000001234', decode(repeat('ab', 25), 'hex'), gen_random_uuid(), gen_random_uuid(), repeat('x', 330));
INSERT INTO outbox VALUES (:n::int8 % 16, bench_id(:n::int8, 1000 + :client_id::int8), uuid_send(bench_id(:n::int8, 1000 + :client_id::int8)));
COMMIT;
