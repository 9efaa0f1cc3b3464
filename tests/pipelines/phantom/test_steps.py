from pipelines.phantom.steps import watched


def test_counted_tells_how_many_went_by():
    seen = []
    assert list(watched("abc", 3, lambda *step: seen.append(step))) == ["a", "b", "c"]
    assert seen == [(1, 3), (2, 3), (3, 3)]
