-- Sales that were made or changed and are to be brought to the catalog: written with the change, in its transaction, and deleted when the
-- catalog has it. So whoever cares for the catalog looks at what changed and at nothing else, in whatever order transactions commit.
CREATE TABLE catalog_changes (
	event_id uuid PRIMARY KEY,
	version int8 NOT NULL -- of the sale
);
INSERT INTO catalog_changes SELECT event_id, version FROM sales;
