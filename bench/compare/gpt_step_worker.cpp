// This project's half of gpt_step.py: `gpt_step_worker DIR THREADS` loads the weights and batches of DIR (init.pt,
// tokens.npy, trace.json) and takes training steps with them (step_worker.h), the gradients' norm included, which
// gpt_train looks at in every step.
#include <cmath>
#include <string>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "bench/compare/step_worker.h"
#include "tests/parity/gpt_trace.h"

namespace tern {
namespace {

double train(const gpt::Gpt& model, MuonAdamW& optimizer, const MuonAdamWStep& step, const GptTraceBatch& batch) {
  const at::Tensor mean = gpt::token_loss(model, model.hidden(batch.inputs), batch.targets).mean;
  mean.backward();
  const auto loss = mean.item<double>();
  TERN_CHECK(std::isfinite(loss) && std::isfinite(optimizer.grad_norm()), "weights that diverged");
  optimizer.step(step);
  optimizer.zero_grad();
  return loss;
}

int run(int argc, char** argv) {
  if (argc != 3) throw Error(ErrorKind::usage, "see the head of gpt_step_worker.cpp");
  prepare_cpu(std::stoi(argv[2]));
  const GptTrace trace = read_gpt_trace(argv[1]);
  const gpt::Gpt model = make_trace_model(trace);
  GptGroups groups = derive_groups(trace, model);
  use_recorded_groups(groups, trace);
  MuonAdamW optimizer(groups.adamw, groups.muon);
  const MuonAdamWStep step = read_step(trace);
  answer_steps([&](int64_t index) { return read_batch(trace, index); },
               [&](const GptTraceBatch& batch) {
                 return nlohmann::ordered_json{{"loss", train(model, optimizer, step, batch)}};
               });
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
