-- Sales that were made or changed and are to be brought to the catalog: written with the change, in its transaction, and deleted when the
-- catalog has it. So whoever cares for the catalog looks at what changed and at nothing else.
CREATE TABLE catalog_changes (
	event_id BLOB PRIMARY KEY,
	version INTEGER NOT NULL -- of the sale
) WITHOUT ROWID;
CREATE TRIGGER sales_made AFTER INSERT ON sales BEGIN
	INSERT OR REPLACE INTO catalog_changes VALUES (NEW.event_id, NEW.version);
END;
CREATE TRIGGER sales_changed AFTER UPDATE OF version ON sales BEGIN
	INSERT OR REPLACE INTO catalog_changes VALUES (NEW.event_id, NEW.version);
END;
INSERT INTO catalog_changes SELECT event_id, version FROM sales;
