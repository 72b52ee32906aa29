-- What was paid, and what of it is to be given back.
--
-- Refunds that were due before this migration are taken from the events that asked for them: of order.refund_required (13) each has the id, and
-- the payment that it applied says the transaction and the version. What came was never said: it is taken to be the order's total.

CREATE TABLE refunds (
	refund_id BLOB PRIMARY KEY, -- of the event that made it
	order_id BLOB NOT NULL,
	event_id BLOB NOT NULL,
	transaction_id TEXT NOT NULL,
	amount INTEGER NOT NULL,
	currency TEXT NOT NULL,
	reason INTEGER NOT NULL, -- 1 late payment, 2 overpayment, 3 mismatch, 4 duplicate payment, 5 event cancelled
	status INTEGER NOT NULL, -- 1 due, 2 done
	created_at INTEGER NOT NULL,
	done_at INTEGER NOT NULL, -- 0 while due
	closed_by BLOB NOT NULL, -- events.id; the nil UUID while due
	version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX refunds_due ON refunds (refund_id) WHERE status = 1;
CREATE INDEX refunds_event ON refunds (event_id, refund_id);

INSERT INTO refunds
SELECT e.id, o.order_id, o.event_id, p.transaction_id, o.total, o.currency,
	CASE WHEN e.data LIKE '%"status":"CONFIRMED"%' THEN 4 ELSE 1 END,
	1, e.occurred_at, 0, zeroblob(16), p.version
FROM payments p
JOIN events e ON e.id = p.applied_by
JOIN orders o ON o.order_id = p.order_id
WHERE e.type = 13 AND o.total > 0;

-- paid = kept + refunds_due + refunded.
ALTER TABLE orders ADD COLUMN paid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunds_due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refund_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunds_open INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN paid_with TEXT NOT NULL DEFAULT ''; -- transaction_id of the payment that confirmed it
ALTER TABLE orders DROP COLUMN refund_required;

UPDATE orders SET paid = orders.total, kept = orders.total, paid_with = p.transaction_id
FROM payments p
JOIN events e ON e.id = p.applied_by
WHERE e.type = 9 AND p.order_id = orders.order_id; -- 9 is order.confirmed

UPDATE orders SET paid = orders.paid + r.due, refunds_due = r.due, refund_count = r.refunds, refunds_open = r.refunds
FROM (SELECT order_id, sum(amount) AS due, count(*) AS refunds FROM refunds GROUP BY order_id) AS r
WHERE r.order_id = orders.order_id;

CREATE INDEX orders_paid ON orders (event_id, order_id) WHERE kept > 0;

ALTER TABLE payments ADD COLUMN amount INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN refund_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE payments ADD COLUMN second_refund_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';

UPDATE payments SET amount = o.total, currency = o.currency
FROM orders o
WHERE o.order_id = payments.order_id;

UPDATE payments SET refund_id = applied_by
WHERE applied_by IN (SELECT refund_id FROM refunds);

-- settled: 1 when nothing of a cancelled event is open any more. Events that were cancelled before are wound up by the worker, too.
ALTER TABLE sales ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sales_open ON sales (event_id) WHERE status = 3 AND settled = 0;
