// This project's half of trm_step.py: `trm_step_worker DIR THREADS [DEVICE]` loads the weights and batches of DIR
// (init.pt, batches.npz, trace.json) and takes training steps with them (step_worker.h).
#include <c10/core/impl/VirtualGuardImpl.h>

#include <string>
#include <utility>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "bench/compare/step_worker.h"
#include "engine/memory/device_memory.h"
#include "tests/parity/trm_trace.h"

namespace tern {
namespace {

nlohmann::ordered_json train(TraceTraining& training, const trm::PuzzleBatch& batch) {
  trm::Carry carry;
  double loss = 0;
  {
    auto gradients = training.gradients(batch);
    carry = std::move(gradients.step.carry);
    loss = gradients.loss.total.item<double>();
  }
  training.update(std::move(carry));
  nlohmann::ordered_json answer = {{"loss", loss}};
  if (const at::Device device = batch.inputs.device(); device.is_cuda()) {
    c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
    answer["peak_mb"] = static_cast<double>(peak_device_bytes(device)) / 1e6;
  }
  return answer;
}

int run(int argc, char** argv) {
  if (argc != 3 && argc != 4) throw Error(ErrorKind::usage, "see the head of trm_step_worker.cpp");
  prepare_cpu(std::stoi(argv[2]));
  Trace trace = read_trace(argv[1]);
  const at::Device device = choose_device(argc == 4 ? argv[3] : "cpu");
  TraceTraining training(trace, device);
  fmt::print(stderr, "{}\n", training.model().choose_attention_backend("auto"));
  trace.init.clear();  // the model has its own copy
  answer_steps(
      [&](int64_t index) { return read_batch(trace, training.model().config(), static_cast<size_t>(index), device); },
      [&](const trm::PuzzleBatch& batch) { return train(training, batch); });
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
