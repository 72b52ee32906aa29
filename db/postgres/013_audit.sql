-- What operators did and who was not let in: appended only, and read by `tro audit list`. The id begins with the time.
CREATE TABLE audit (
	id uuid PRIMARY KEY /*crdb USING HASH*/, -- of an action that made a domain event: that event's
	occurred_at int8 NOT NULL,
	kind int8 NOT NULL, -- 1 an action of an operator, 2 a refused authentication
	actor text NOT NULL, -- a token's subject, "operator" for the command line; empty: nobody knows
	action text NOT NULL,
	target text NOT NULL,
	address text NOT NULL, -- of the client; "uid N at HOST" for the command line
	result text NOT NULL,
	repeats int8 NOT NULL -- how often, within the second that the record stands for
);
CREATE INDEX audit_kind ON audit (kind, id) /*crdb USING HASH*/;
