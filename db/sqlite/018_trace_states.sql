-- The tracestates of an entry's events, for their messages: a line for each event, an empty one for an event without; NULL: no event has one.
-- They go with the entry. Programs before this step leave them out.
ALTER TABLE outbox ADD COLUMN trace_states TEXT;
