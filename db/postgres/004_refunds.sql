-- What was paid, and what of it is to be given back.
--
-- Refunds that were due before this migration are taken from the events that asked for them: of order.refund_required (13) each has the id, and
-- the payment that it applied says the transaction and the version. What came was never said: it is taken to be the order's total.

CREATE TABLE refunds (
	refund_id uuid PRIMARY KEY /*crdb USING HASH*/, -- of the event that made it
	order_id uuid NOT NULL,
	event_id uuid NOT NULL,
	transaction_id bytea NOT NULL,
	amount int8 NOT NULL,
	currency text NOT NULL,
	reason int8 NOT NULL, -- 1 late payment, 2 overpayment, 3 mismatch, 4 duplicate payment, 5 event cancelled
	status int8 NOT NULL, -- 1 due, 2 done
	created_at int8 NOT NULL,
	done_at int8 NOT NULL, -- 0 while due
	closed_by uuid NOT NULL, -- events.id; the nil UUID while due
	version int8 NOT NULL
);
CREATE INDEX refunds_due ON refunds (refund_id) /*crdb USING HASH*/ WHERE status = 1;
CREATE INDEX refunds_event ON refunds (event_id, refund_id);

INSERT INTO refunds
SELECT e.id, o.order_id, o.event_id, p.transaction_id, o.total, o.currency,
	CASE WHEN e.data LIKE '%"status":"CONFIRMED"%' THEN 4 ELSE 1 END,
	1, e.occurred_at, 0, '00000000-0000-0000-0000-000000000000'::uuid, p.version
FROM payments p
JOIN events e ON e.id = p.applied_by
JOIN orders o ON o.order_id = p.order_id
WHERE e.type = 13 AND o.total > 0;

-- paid = kept + refunds_due + refunded.
ALTER TABLE orders ADD COLUMN paid int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN kept int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunds_due int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunded int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refund_count int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunds_open int8 NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN paid_with bytea NOT NULL DEFAULT ''; -- transaction_id of the payment that confirmed it
ALTER TABLE orders DROP COLUMN refund_required;

UPDATE orders SET paid = orders.total, kept = orders.total, paid_with = p.transaction_id
FROM payments p
JOIN events e ON e.id = p.applied_by
WHERE e.type = 9 AND p.order_id = orders.order_id; -- 9 is order.confirmed

UPDATE orders SET paid = orders.paid + r.due, refunds_due = r.due, refund_count = r.refunds, refunds_open = r.refunds
FROM (SELECT order_id, sum(amount)::int8 AS due, count(*) AS refunds FROM refunds GROUP BY order_id) AS r
WHERE r.order_id = orders.order_id;

CREATE INDEX orders_paid ON orders (event_id, order_id) WHERE kept > 0;

ALTER TABLE payments ADD COLUMN amount int8 NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN currency text NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN refund_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE payments ADD COLUMN second_refund_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

UPDATE payments SET amount = o.total, currency = o.currency
FROM orders o
WHERE o.order_id = payments.order_id;

UPDATE payments SET refund_id = payments.applied_by
FROM refunds r
WHERE r.refund_id = payments.applied_by;

-- settled: 1 when nothing of a cancelled event is open any more. Events that were cancelled before are wound up by the worker, too.
ALTER TABLE sales ADD COLUMN settled int8 NOT NULL DEFAULT 0;
CREATE INDEX sales_open ON sales (event_id) WHERE status = 3 AND settled = 0;
