-- What the scripts of pgbench need beside the schema of the program: ids out of numbers, and seats of many events.
CREATE FUNCTION bench_id(high int8, low int8) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN encode(int8send(high) || int8send(low), 'hex')::uuid;

CREATE FUNCTION bench_seat(number int8) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN convert_to('S-' || number / 50 + 1 || '-' || number % 50 + 1, 'UTF8');

INSERT INTO seats (event_id, seat, position, section, row_name, price, status, holder_id, version)
SELECT bench_id(0, event), bench_seat(number), number + 1, 'S', (number / 50 + 1)::text, 4500, 1, bench_id(0, 0), 1
FROM generate_series(1::int8, :events) AS event, generate_series(0::int8, 999) AS number;
