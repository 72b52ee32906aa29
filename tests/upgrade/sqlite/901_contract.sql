-- floor: 900
-- What the version after it might take away: from here on only programs that have 900 may write.
ALTER TABLE holds DROP COLUMN note;
