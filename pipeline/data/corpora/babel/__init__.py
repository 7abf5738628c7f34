"""Babel: a seeded family of artificial languages whose distances are set, so that what should transfer is known.

Meanings (`meaning`, drawn by `grammar`) know no strings; a language (`family`, `lexicon`) turns them into sentences
(`realise`) and reports where each constituent lies; a task (`ner`) reads its labels off those constituents. Print the
distance table and an example in every language with

    python -m pipeline.data.corpora.babel
"""
