-- Commits whose answer was lost and which were then found not to have happened, by the id of their first event: appending events refuses them,
-- so that one which is still on its way to the server never happens. A row for each connection that was lost in a COMMIT, at most.
CREATE TABLE abandoned_commits (
	first_event_id uuid PRIMARY KEY
);
