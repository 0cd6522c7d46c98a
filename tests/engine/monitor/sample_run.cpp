#include "tests/engine/monitor/sample_run.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace tern::sample {

namespace {

// In [-1, 1], the same for a step in every run.
double noise(int64_t step, uint32_t stream) {
  std::mt19937 random(static_cast<uint32_t>(step) * 7919U + stream);
  return std::uniform_real_distribution<double>(-1, 1)(random);
}

Grid random_grid(int rows, int cols, uint32_t seed, uint8_t below) {
  std::mt19937 random(seed);
  Grid grid{.rows = rows, .cols = cols};
  for (int i = 0; i < rows * cols; ++i) {
    grid.cells.push_back(random() % 3 == 0 ? static_cast<uint8_t>(random() % below) : uint8_t{0});
  }
  return grid;
}

Grid all_colours() {
  Grid grid{.rows = 2, .cols = 5};
  for (uint8_t colour = 0; colour < 10; ++colour) grid.cells.push_back(colour);
  return grid;
}

Grid sudoku(bool solved) {
  Grid grid{.rows = 9, .cols = 9};
  for (int row = 0; row < 9; ++row) {
    for (int col = 0; col < 9; ++col) {
      const int digit = (row * 3 + row / 3 + col) % 9 + 1;
      grid.cells.push_back(solved || (row * 5 + col * 3) % 4 == 0 ? static_cast<uint8_t>(digit) : uint8_t{0});
    }
  }
  return grid;
}

}  // namespace

StepReport step_report(int64_t step) {
  const double t = static_cast<double>(step);
  const double lm_loss = 0.25 + 1.8 * std::exp(-t / 900) + 0.08 * noise(step, 1);
  const double q_halt_loss = 0.08 + 0.5 * std::exp(-t / 600) + 0.04 * noise(step, 2);
  const double learnt = 1 - std::exp(-t / 1500);
  return {.step = step,
          .loss = lm_loss + 0.5 * q_halt_loss,
          .lr = 1e-4 * std::min(1.0, t / 400) * (0.55 + 0.45 * std::cos(t / 5000 * 3.14159)),
          .examples = 768,
          .metrics = {{"train/accuracy", std::clamp(0.55 + 0.4 * learnt + 0.04 * noise(step, 3), 0.0, 1.0)},
                      {"train/count", 1},
                      {"train/exact_accuracy", std::clamp(0.6 * learnt + 0.08 * noise(step, 4), 0.0, 1.0)},
                      {"train/lm_loss", lm_loss},
                      {"train/q_halt_accuracy", std::clamp(0.7 + 0.25 * learnt + 0.05 * noise(step, 5), 0.0, 1.0)},
                      {"train/q_halt_loss", q_halt_loss},
                      {"train/steps", 16 - 9 * learnt + noise(step, 6)}},
          .seconds = 0.94 + 0.06 * noise(step, 7),
          .memory_bytes = 3'100'000'000};
}

EvalReport eval_report(int64_t step) {
  const double learnt = 1 - std::exp(-static_cast<double>(step) / 2000);
  return {.step = step,
          .metrics = {{"all/accuracy", 0.5 + 0.38 * learnt},
                      {"all/exact_accuracy", 0.4 * learnt},
                      {"all/lm_loss", 0.5 + 1.2 * (1 - learnt)},
                      {"all/q_halt_accuracy", 0.7 + 0.2 * learnt},
                      {"ARC/pass@1", 0.36 * learnt},
                      {"ARC/pass@2", 0.42 * learnt},
                      {"ARC/pass@10", 0.5 * learnt},
                      {"ARC/pass@100", 0.56 * learnt}},
          .seconds = 73.4};
}

std::vector<PuzzlePicture> pictures() {
  const Grid target = random_grid(12, 12, 5, 10);
  Grid wrong = target;
  for (const size_t at : {3U, 40U, 41U, 77U, 130U}) wrong.cells[at] = static_cast<uint8_t>((wrong.cells[at] + 4) % 10);
  Grid solved = sudoku(true);
  Grid almost = solved;
  almost.cells[10] = 7;
  return {
      {.title = "00576224", .input = random_grid(12, 12, 4, 10), .target = target, .prediction = wrong},
      {.title = "3c9b0459",
       .input = random_grid(30, 30, 8, 10),
       .target = random_grid(30, 30, 9, 10),
       .prediction = random_grid(30, 30, 9, 10),
       .correct = true},
      {.title = "wrong size", .input = all_colours(), .target = all_colours(), .prediction = random_grid(3, 4, 2, 10)},
      {.title = "nothing predicted",
       .input = random_grid(3, 3, 1, 10),
       .target = random_grid(6, 3, 1, 10),
       .prediction = {}},
      {.title = "sudoku 17",
       .input = sudoku(false),
       .target = solved,
       .prediction = almost,
       .style = GridStyle::digits},
      {.title = "tokens beyond the palette",
       .input = random_grid(5, 14, 3, 14),
       .target = random_grid(5, 14, 3, 14),
       .prediction = random_grid(5, 14, 3, 14),
       .correct = true}};
}

RunLogOptions options(const SampleRun& run, int fd) {
  MachineInfo machine = machine_info();
  machine.libtorch = "2.11.0";
  return {.run_dir = run.folder,
          .title = run.title,
          .total_steps = run.total_steps,
          .config_yaml = "arch: trm\narch.hidden_size: 512\nlr: 0.0001\nrun_name: " + run.title + "\n",
          .log_interval = 1000,
          .machine = machine,
          .report_interval = 0.5,
          .fd = fd,
          .is_terminal = false};
}

void log_run(const SampleRun& run, int fd) {
  RunLog log(options(run, fd));
  for (int64_t step = 1; step <= run.steps; ++step) {
    log.step(step_report(step));
    if (step % run.eval_interval != 0) continue;
    log.eval(eval_report(step));
    log.pictures(pictures());
  }
  log.finish(run.status);
}

}  // namespace tern::sample
