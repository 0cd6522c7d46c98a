#include "engine/monitor/stage_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "base/error.h"
#include "base/file.h"
#include "engine/monitor/peak_flops.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

// Times of day become "T".
std::string without_times(const std::string& text) {
  return std::regex_replace(text, std::regex(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"), "T");
}

TEST(StageReport, ASectionIsNanochats) {
  const TempFolder folder;
  write_report_section(folder / "report",
                       {"Base model training",
                        {{{"run", std::string("first")}, {"depth", int64_t{4}}, {"matrix_lr", 0.02}},
                         {{"Number of parameters", int64_t{12345678}}, {"Some number", int64_t{9999}}}}});
  EXPECT_EQ(without_times(read_file(folder / "report/base-model-training.md")),
            "## Base model training\ntimestamp: T\n\n- run: first\n- depth: 4\n- matrix_lr: 0.0200\n"
            "- Number of parameters: 12,345,678\n- Some number: 9999\n\n");
}

TEST(StageReport, StandsInTheOrderOfTheStagesAndIsReplaced) {
  const TempFolder folder;
  write_report_section(folder.path(), {"Base model evaluation", {{{"CORE metric", 0.25}}}});
  write_report_section(folder.path(), {"Tokenizer training", {{{"vocab_size", int64_t{300}}}}});
  write_report_section(folder.path(), {"Tokenizer training", {{{"vocab_size", int64_t{500}}}}, "some text\n\n"});
  const std::string report = read_file(folder / "report.md");
  EXPECT_TRUE(report.starts_with("# Tern training report\n\nGenerated: ")) << report;
  EXPECT_NE(report.find("### Hardware\n- Platform: "), std::string::npos);
  EXPECT_EQ(without_times(report.substr(report.find("---\n\n"))),
            "---\n\n## Tokenizer training\ntimestamp: T\n\nsome text\n\n- vocab_size: 500\n\n\n"
            "## Base model evaluation\ntimestamp: T\n\n- CORE metric: 0.2500\n\n\n"
            "## Summary\n\n| Metric          | BASE     |\n|-----------------|----------|\n"
            "| CORE            | 0.2500   |\n\nTotal wall clock time: 0h0m\n");
}

TEST(StageReport, CountsTheTimeFromTheFirstStage) {
  const TempFolder folder;
  std::ofstream(folder / "header.md") << "Run started: 2026-01-01 10:00:00\n";
  write_report_section(folder.path(), {"Base model loss", {{{"val bpb", 1.5}}}});
  const std::string report = read_file(folder / "report.md");
  EXPECT_TRUE(std::regex_search(report, std::regex(R"(Total wall clock time: \d+h\d+m\n$)"))) << report;
  std::ofstream(folder / "header.md") << "nothing\n";
  write_report_section(folder.path(), {"Base model loss", {}});
  EXPECT_TRUE(read_file(folder / "report.md").ends_with("Total wall clock time: unknown\n"));
}

TEST(StageReport, ReportsAFolderThatCannotBe) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  try {
    write_report_section(folder / "file/report", {"Base model loss", {}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
  }
}

TEST(PeakFlops, KnowsVariantsBeforeTheirFamily) {
  EXPECT_EQ(peak_flops("NVIDIA H100 80GB HBM3"), 989e12);
  EXPECT_EQ(peak_flops("NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(peak_flops("NVIDIA H100 NVL"), 835e12);
  EXPECT_EQ(peak_flops("NVIDIA A100-SXM4-80GB"), 312e12);
  EXPECT_EQ(peak_flops("NVIDIA L40S"), 362e12);
  EXPECT_EQ(peak_flops("NVIDIA L4"), 121e12);
  EXPECT_EQ(peak_flops("NVIDIA GeForce RTX 4090"), 165.2e12);
  EXPECT_EQ(peak_flops("Some CPU"), 0);
}

}  // namespace
}  // namespace tern
