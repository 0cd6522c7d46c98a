// kernels_bench [--device=cuda] [flags of Google Benchmark]
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "bench/kernels/alternate.h"

namespace tern::bench {

at::Device device = at::kCPU;

namespace {

double milliseconds_on_gpu(const std::function<void()>& work) {
  constexpr int kCalls = 10;
  const c10::impl::VirtualGuardImpl gpu(device.type());
  const c10::Stream stream = gpu.getStream(device);
  c10::Event start(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  start.record(stream);
  for (int i = 0; i < kCalls; ++i) work();
  end.record(stream);
  end.synchronize();
  return start.elapsedTime(end) / kCalls;
}

}  // namespace

at::TensorOptions on(at::ScalarType dtype) {
  return at::device(device).dtype(dtype);
}

double milliseconds(const std::function<void()>& work) {
  if (device.is_cuda()) return milliseconds_on_gpu(work);
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

void alternate(benchmark::State& state, const std::function<void()>& fused, const std::function<void()>& aten,
               const Work& work) {
  fused();
  aten();
  std::vector<double> fused_ms, aten_ms, ratios;
  for ([[maybe_unused]] auto _ : state) {
    fused_ms.push_back(milliseconds(fused));
    aten_ms.push_back(milliseconds(aten));
    ratios.push_back(aten_ms.back() / fused_ms.back());
    state.SetIterationTime(fused_ms.back() / 1000);
  }
  const double median = quantile(fused_ms, 0.5);
  state.counters["fused_ms"] = median;
  state.counters["aten_ms"] = quantile(aten_ms, 0.5);
  state.counters["ratio"] = quantile(ratios, 0.5);
  state.counters["ratio_q1"] = quantile(ratios, 0.25);
  state.counters["ratio_q3"] = quantile(ratios, 0.75);
  if (work.flops > 0) state.counters["tflops"] = work.flops / median * 1e-9;
  if (work.bytes > 0) state.counters["gb_s"] = work.bytes / median * 1e-6;
}

void add_benchmark(const std::string& name, const std::function<void(benchmark::State&)>& body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Unit(benchmark::kMillisecond);
}

}  // namespace tern::bench

int main(int argc, char** argv) {
  using namespace tern::bench;
  char** const rest = std::remove_if(argv + 1, argv + argc, [](const char* argument) {
    if (std::string_view(argument) != "--device=cuda") return false;
    device = at::Device(at::kCUDA, 0);
    return true;
  });
  argc = static_cast<int>(rest - argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (device.is_cuda() && c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount() == 0) {
    std::fprintf(stderr, "error: no CUDA device, --device=cuda, leave it out\n");
    return 2;
  }
  add_attention();
  add_cross_entropy();
  add_decoding();
  add_elementwise();
  add_optimizers();
  benchmark::RunSpecifiedBenchmarks();
}
