"""TF-IDF compares words: those of code, of English endings, of CJK text, and nothing by chance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.models.tfidf import terms, tfidf
from victor_nb.vectors import cosine, similarities

TOOLS = [
    "read_csv(path): Reads a table from a file of comma-separated values.",
    "sendMail(to, text): Sends a message to a person.",
    "plot_histogram(column): Draws how the values of a column are distributed.",
    "delete_rows(condition): Removes the rows for which a condition holds.",
]


def best(question: str) -> int:
    vectors = tfidf([question, *TOOLS])
    found = similarities(vectors[0], vectors[1:])
    return found.index(max(found))


def test_the_words_of_a_question_find_the_tool() -> None:
    assert best("Please send a mail to Ada") == 1
    assert best("Which histogram shows the column best?") == 2
    assert best("I want to get rid of deleted row 7") == 3
    assert best("readCSV of the tables") == 0


def test_identifiers_have_parts_and_endings_do_not_count() -> None:
    assert set(terms("readCSVFiles")) == {"readcsvfil", "read", "csv", "fil"}
    assert len(set(terms("deletes deleted deleting delete"))) == 1
    assert set(terms("Größe GRÖSSE")) == {"grösse"}
    assert set(terms("the of is")) == set()


def test_chinese_and_japanese_are_compared_by_characters() -> None:
    vectors = tfidf(["数据分析的报告", "分析数据", "天气很好", "データ分析"])
    found = similarities(vectors[0], vectors[1:])
    assert found[0] > found[2] > found[1] == 0


def test_texts_without_a_common_word_are_not_alike() -> None:
    vectors = tfidf([f"{n:010b} {n + 300:010b} {n + 600:010b}" for n in range(300)])
    assert max(similarities(vectors[0], vectors[1:])) == 0


def test_a_rare_word_weighs_more_than_one_that_all_have() -> None:
    common, rare = tfidf(["data zebra", "data a1", "data a2", "data a3", "zebra a4"])[1:5:3]
    question = tfidf(["data zebra", "data a1", "data a2", "data a3", "zebra a4"])[0]
    assert cosine(question, rare) > cosine(question, common)


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3 numbers"):
        cosine([1, 2], [1, 2, 3])
    assert cosine([0, 0], [1, 2]) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_texts_have_finite_vectors_of_one_length(texts: list[str]) -> None:
    vectors = tfidf(texts)
    assert len(vectors) == len(texts)
    assert len({len(vector) for vector in vectors}) <= 1
    for vector in vectors:
        size = math.sqrt(sum(value * value for value in vector))
        assert size == pytest.approx(1) or size == 0
    assert tfidf(texts) == vectors
