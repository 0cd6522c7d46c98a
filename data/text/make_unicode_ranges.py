#!/usr/bin/env python3
"""Prints unicode_ranges.inc: the code points that tiktoken's regular expressions take for letters and numbers.

The tables of the installed tiktoken are the definition (0.14.0 knows Unicode 16): a pattern that matches one class
encodes a character of that class and drops every other one.

    pip install tiktoken==0.14.0
    python3 data/text/make_unicode_ranges.py > data/text/unicode_ranges.inc
"""
import tiktoken


def ranges(pattern):
    bytes_only = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks=bytes_only, special_tokens={})
    found = []
    for code in range(0x110000):
        is_surrogate = 0xD800 <= code <= 0xDFFF
        if not is_surrogate and encoding.encode_ordinary(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return found


def print_table(name, pattern):
    table = [f"{{{first:#x}, {last:#x}}}," for first, last in ranges(pattern)]
    print(f"\nconstexpr CodePointRange {name}[] = {{")
    for row in range(0, len(table), 6):
        print("    " + " ".join(table[row : row + 6]))
    print("};")


print(f"// Made by make_unicode_ranges.py with tiktoken {tiktoken.__version__}. First and last code point, inclusive.")
print_table("kLetters", r"\p{L}")
print_table("kNumbers", r"\p{N}")
print_table("kSpaces", r"\s")
