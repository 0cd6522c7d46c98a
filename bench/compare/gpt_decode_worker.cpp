// This project's half of gpt_decode.py: `gpt_decode_worker DIR THREADS PROMPT NEW DTYPE` loads DIR's weights (init.pt,
// tokens.npy, trace.json) and, for every number of a batch that it reads from stdin, goes on greedily from the first
// PROMPT tokens of it for NEW tokens (step_worker.h).
#include <string>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "bench/compare/step_worker.h"
#include "models/gpt/generate.h"
#include "tests/parity/gpt_trace.h"

namespace tern {
namespace {

int run(int argc, char** argv) {
  if (argc != 6) throw Error(ErrorKind::usage, "see the head of gpt_decode_worker.cpp");
  prepare_cpu(std::stoi(argv[2]));
  const GptTrace trace = read_gpt_trace(argv[1]);
  const int64_t length = std::stoll(argv[3]);
  const gpt::Gpt model = make_trace_model(trace);
  gpt::GenerateOptions options;
  options.decoder = gpt::make_decoder(model, gpt::decode_dtype_by_name(argv[5]));
  options.sampling.temperature = 0;
  options.max_tokens = std::stoll(argv[4]);
  answer_steps(
      [&](int64_t index) {
        const at::Tensor tokens = read_batch(trace, index).inputs[0].contiguous();
        TERN_CHECK(length <= tokens.numel(), "the prompt is longer than the batch");
        return std::vector<int64_t>(tokens.const_data_ptr<int64_t>(), tokens.const_data_ptr<int64_t>() + length);
      },
      [&](const std::vector<int64_t>& prompt) {
        return nlohmann::ordered_json{{"tokens", gpt::generate(model, prompt, options).at(0)}};
      });
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
