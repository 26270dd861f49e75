from loads import NOTHING_WRONG, Rehearsal


def test_a_load_delivers_every_row_once_and_a_second_one_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.load()
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
    asked = len(rehearsal.transport.asked)
    assert rehearsal.load().counts == {}
    assert [one for one in rehearsal.transport.asked[asked:] if not one.startswith("GET")] == []
