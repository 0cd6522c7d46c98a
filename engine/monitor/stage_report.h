// The report of a whole pipeline, from the tokenizer to the last evaluation, in nanochat's layout: a folder with
// header.md (the machine, when it all began), a file per stage, and report.md, which is all of them in order and a
// summary. Every program adds its stage; running a stage again replaces its section.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tern {

// A whole number from 10000 on gets thousands separators, a double four decimals; text stays as it is.
using ReportValue = std::variant<std::string, int64_t, double>;
using ReportFacts = std::vector<std::pair<std::string, ReportValue>>;

struct ReportSection {
  std::string title;               // one of report_stages()
  std::vector<ReportFacts> facts;  // "- name: value" lines, one group after the other
  std::string text = {};           // Markdown, before the facts
};

// Titles of all stages in the order of the report.
[[nodiscard]] const std::vector<std::string>& report_stages();

// "tokenizer-training.md" of "Tokenizer training".
[[nodiscard]] std::string report_file_name(const std::string& title);

// Writes the section's file and report.md. Throws Error(data) when the folder can't be written.
void write_report_section(const std::filesystem::path& report_dir, const ReportSection& section);

}  // namespace tern
