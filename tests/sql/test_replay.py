"""What a replay does to the marks that keep others from writing."""


def test_raising_the_epoch_marks_the_replay_as_well(server, postgres_statements):
    """Between its mark and its epoch another replay may end, which takes the mark away."""
    raises = next(statement.sql for statement in postgres_statements if "value + 1" in statement.sql and statement.sql.startswith("WITH raised"))
    before = int(server.psql("tro", "UPDATE meta SET value = 0 WHERE name = 'replaying'; SELECT value FROM meta WHERE name = 'epoch'"))
    assert int(server.psql("tro", raises)) == before + 1
    assert server.psql("tro", "SELECT name, value FROM meta WHERE name IN ('epoch', 'replaying') ORDER BY name").split() == [
        f"epoch|{before + 1}", "replaying|1"]
    server.psql("tro", "UPDATE meta SET value = 0 WHERE name = 'replaying'")
