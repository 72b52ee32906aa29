-- The oldest program that may write, by the last migration that it has. A step that only adds leaves it as it is; one that takes something away
-- raises it, and says so in its first line (docs/adr/0037). Programs before this step demand their own schema and no other.
INSERT INTO meta VALUES ('schema_floor', 11);
