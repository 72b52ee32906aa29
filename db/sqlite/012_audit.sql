-- What operators did and who was not let in: appended only, and read by `tro audit list`. The id begins with the time.
CREATE TABLE audit (
	id BLOB PRIMARY KEY, -- of an action that made a domain event: that event's
	occurred_at INTEGER NOT NULL,
	kind INTEGER NOT NULL, -- 1 an action of an operator, 2 a refused authentication
	actor TEXT NOT NULL, -- a token's subject, "operator" for the command line; empty: nobody knows
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	address TEXT NOT NULL, -- of the client; "uid N at HOST" for the command line
	result TEXT NOT NULL,
	repeats INTEGER NOT NULL -- how often, within the second that the record stands for
) WITHOUT ROWID;
CREATE INDEX audit_kind ON audit (kind, id);
