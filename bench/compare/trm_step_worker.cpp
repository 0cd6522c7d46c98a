// This project's half of trm_step.py: `trm_step_worker DIR THREADS` loads the weights and batches of DIR (init.pt,
// batches.npz, trace.json) and takes training steps with them (step_worker.h).
#include <string>
#include <utility>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "bench/compare/step_worker.h"
#include "tests/parity/trm_trace.h"

namespace tern {
namespace {

double train(TraceTraining& training, const trm::PuzzleBatch& batch) {
  trm::Carry carry;
  double loss = 0;
  {
    auto gradients = training.gradients(batch);
    carry = std::move(gradients.step.carry);
    loss = gradients.loss.total.item<double>();
  }
  training.update(std::move(carry));
  return loss;
}

int run(int argc, char** argv) {
  if (argc != 3) throw Error(ErrorKind::usage, "see the head of trm_step_worker.cpp");
  prepare_cpu(std::stoi(argv[2]));
  Trace trace = read_trace(argv[1]);
  TraceTraining training(trace);
  trace.init.clear();  // the model has its own copy
  answer_steps([&](int64_t index) { return read_batch(trace, training.model().config(), static_cast<size_t>(index)); },
               [&](const trm::PuzzleBatch& batch) {
                 return nlohmann::ordered_json{{"loss", train(training, batch)}};
               });
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
