-- The epoch of the projections: a replay raises it, and whoever decided on rows of an earlier one is refused. A row of its own, because every
-- transaction that writes locks it with others, and a replay waits for them all by changing it.
INSERT INTO meta VALUES ('epoch', 1);
