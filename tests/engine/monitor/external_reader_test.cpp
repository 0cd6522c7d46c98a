// The files as other people's programs see them: TensorBoard's own reader, and a real browser.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "engine/monitor/run_log.h"
#include "tests/engine/monitor/sample_run.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

struct Result {
  int status = -1;
  std::string output = {};
};

Result run(const std::string& command) {
  Result result;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> chunk{};
  for (size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) result.output.append(chunk.data(), n);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

std::string shell_quoted(const std::string& text) {
  return "'" + text + "'";
}

void log_to(const std::filesystem::path& folder, int64_t resume, int64_t to) {
  RunLogOptions options = sample::options({.folder = folder, .total_steps = 30}, 2);
  options.resume_step = resume;
  options.log_interval = 1000;
  RunLog log(options);
  for (int64_t step = resume + 1; step <= to; ++step) {
    log.step(sample::step_report(step));
    if (step % 10 == 0) log.eval(sample::eval_report(step));
  }
}

TEST(TensorBoardReader, SeesEachStepOnceAfterTwoResumes) {
  const std::string python = TERN_TEST_PYTHON;
  if (run(shell_quoted(python) + " -c 'import tensorboard' 2>/dev/null").status != 0) {
    GTEST_SKIP() << "needs the Python package tensorboard; looked in " << python << " (set TERN_TEST_PYTHON)";
  }
  const TempFolder folder;
  log_to(folder.path(), 0, 17);
  log_to(folder.path(), 10, 25);
  log_to(folder.path(), 20, 30);
  const Result read =
      run(shell_quoted(python) + " " + shell_quoted(TERN_SOURCE_DIR "/tests/engine/monitor/read_events.py") + " " +
          shell_quoted(folder.path()) + " 2>/dev/null");
  ASSERT_EQ(read.status, 0) << read.output;
  const auto json = nlohmann::json::parse(read.output);
  for (const char* tag : {"train/lm_loss", "train/q_halt_accuracy", "train/loss", "train/lr", "timing/seconds_per_step",
                          "timing/examples_per_second", "timing/memory_gb"}) {
    const auto& points = json.at("scalars").at(tag);
    ASSERT_EQ(points.size(), 30U) << tag;
    for (size_t i = 0; i < 30; ++i) EXPECT_EQ(points[i][0], i + 1) << tag;
  }
  const auto& losses = json.at("scalars").at("train/loss");
  for (int64_t step = 1; step <= 30; ++step) {
    const auto expected = static_cast<float>(sample::step_report(step).loss);
    EXPECT_EQ(losses[static_cast<size_t>(step - 1)][1].get<float>(), expected);
  }
  EXPECT_EQ(json.at("scalars").at("ARC/pass@2").size(), 3U);
  EXPECT_NE(json.at("texts").at("config").get<std::string>().find("    lr: 0.0001"), std::string::npos);
}

std::string find_chromium() {
  const char* chosen = std::getenv("TERN_CHROMIUM");
  for (const std::string name : {chosen == nullptr ? "" : chosen, "chromium", "chromium-browser", "google-chrome"}) {
    if (!name.empty() && run("command -v " + shell_quoted(name) + " >/dev/null 2>&1").status == 0) return name;
  }
  return "";
}

class Browser : public testing::Test {
 protected:
  void SetUp() override {
    chromium_ = find_chromium();
    if (chromium_.empty()) GTEST_SKIP() << "needs chromium (or TERN_CHROMIUM) to open report.html";
  }

  // Runs headless chromium on the page with the given switches and returns its stdout.
  Result open(const std::filesystem::path& page, const std::string& switches) {
    return run("timeout 100 " + shell_quoted(chromium_) +
               " --headless --no-sandbox --disable-gpu --user-data-dir=" + shell_quoted(folder_ / "profile") + " " +
               switches + " " + shell_quoted("file://" + page.string()) + " 2>/dev/null");
  }

  TempFolder folder_;
  std::string chromium_;
};

TEST_F(Browser, RendersEverySection) {
  log_to(folder_ / "run", 0, 30);
  {
    RunLog log([&] {
      RunLogOptions options = sample::options({.folder = folder_ / "run", .total_steps = 30}, 2);
      options.resume_step = 30;
      return options;
    }());
    log.pictures(sample::pictures());
    log.finish("finished");
  }
  const Result dom = open(folder_ / "run/report.html", "--dump-dom");
  ASSERT_EQ(dom.status, 0);
  for (const char* part : {"<h1>arc1concept-small</h1>", "<h2>Curves</h2>", "<h2>Puzzles</h2>", "<h2>Evaluations</h2>",
                           "<h2>Configuration</h2>", "<h2>Machine</h2>", "class=\"curve c0\"", "class=\"wrong\""}) {
    EXPECT_NE(dom.output.find(part), std::string::npos) << part;
  }
  for (const char* width : {"1240", "400"}) {
    const std::filesystem::path picture = folder_ / "page.png";
    const Result shot = open(folder_ / "run/report.html", "--hide-scrollbars --screenshot=" + shell_quoted(picture) +
                                                              " --window-size=" + width + ",3000");
    ASSERT_EQ(shot.status, 0);
    // An empty page of this size compresses to a few kilobytes.
    EXPECT_GT(read_file(picture).size(), 60'000U) << "the page looks empty at width " << width;
  }
}

TEST_F(Browser, RunNameWithAScriptStaysText) {
  const std::string evil = "<script>document.title='owned'</script></title><script>document.title='owned'</script>";
  {
    RunLogOptions options = sample::options({.folder = folder_ / "run", .total_steps = 30}, 2);
    options.title = evil;
    RunLog log(options);
    log.finish("finished");
  }
  const Result dom = open(folder_ / "run/report.html", "--dump-dom");
  ASSERT_EQ(dom.status, 0);
  EXPECT_EQ(dom.output.find("<title>owned"), std::string::npos);
  EXPECT_EQ(dom.output.find("<script"), std::string::npos);
  EXPECT_NE(dom.output.find("<h1>&lt;script&gt;document.title='owned'&lt;/script&gt;"), std::string::npos);
}

}  // namespace
}  // namespace tern
