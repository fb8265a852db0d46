// lars-bench: times a LARS step of one model, beside its ceilings and what a user would have without liblars.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "model.hpp"
#include "workload.hpp"

namespace lars_bench {
namespace {

/// Between contenders: longer than OpenBLAS's threads spin when they have nothing to do.
constexpr std::chrono::milliseconds kPause(50);

struct Settings {
  std::string model = "resnet50";
  std::string tables = LARS_BENCH_TABLES;
  std::vector<std::uint32_t> threads;
  bool baselines = true;
};

void register_contender(Workload& workload, const Contender& contender, std::uint32_t threads) {
  const std::string name = fmt::format("{}/{}/threads:{}", workload.model().name, contender.name, threads);
  const auto run = [&workload, contender, threads](benchmark::State& state) {
    std::this_thread::sleep_for(kPause);
    workload.use_threads(threads);
    contender.prepare();
    contender.step();  // the caches and pages are those of this contender, not of the one before
    for (auto _ : state) state.SetIterationTime(contender.step());
    const auto parameters = static_cast<double>(workload.model().count());
    const auto steps = static_cast<double>(state.iterations());
    using benchmark::Counter;
    state.counters["ns_per_parameter"] =
        Counter(1e-9 * parameters * steps, Counter::kIsRate | Counter::kInvert);
    state.counters["bytes_per_second"] =
        Counter(contender.bytes_per_parameter * parameters * steps, Counter::kIsRate);
    state.counters["ns_per_tensor"] =
        Counter(1e-9 * static_cast<double>(workload.model().tensors.size()) * steps,
                Counter::kIsRate | Counter::kInvert);
  };
#ifndef __clang_analyzer__  // which takes what Google Benchmark keeps for a leak
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMillisecond);
#endif
}

void add_context(const Workload& workload) {
  lars_optimizer* optimizer = nullptr;
  if (lars_create(&optimizer) == LARS_OK) benchmark::AddCustomContext("kernels", lars_kernels(optimizer));
  lars_destroy(optimizer);
  benchmark::AddCustomContext("liblars", lars_version_string());
  benchmark::AddCustomContext("model", workload.model().name);
  benchmark::AddCustomContext("source", workload.model().source);
  benchmark::AddCustomContext("parameters", fmt::format("{}", workload.model().count()));
  benchmark::AddCustomContext("library_bytes", fmt::format("{}", workload.library_bytes()));
  benchmark::AddCustomContext("tensors", fmt::format("{}", workload.model().tensors.size()));
}

void run(const Settings& settings) {
  Workload workload(make_model(settings.model, settings.tables), settings.baselines);
  add_context(workload);
  for (const Contender& contender : workload.contenders()) {
    for (const std::uint32_t threads : settings.threads) {
      if (threads == 1 || contender.threaded) register_contender(workload, contender, threads);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace lars_bench

int main(int argc, char** argv) {
  try {
    benchmark::Initialize(&argc, argv);  // takes its own options out
    lars_bench::Settings settings;
    const std::uint32_t most = std::max(std::thread::hardware_concurrency(), 1U);
    for (std::uint32_t threads = 1; threads < most; threads *= 2) settings.threads.push_back(threads);
    settings.threads.push_back(most);
    CLI::App app("Times a LARS step of one model. Options of Google Benchmark are understood, too.");
    app.add_option("--model", settings.model, "a table's name, or small, single:N, even:TxN")
        ->capture_default_str();
    app.add_option("--tables", settings.tables, "folder of the tables of shapes")->capture_default_str();
    app.add_option("--threads", settings.threads, "numbers of threads")
        ->delimiter(',')
        ->capture_default_str();
    app.add_flag("!--no-baselines", settings.baselines, "time nothing but lars_step, and need less memory");
    CLI11_PARSE(app, argc, argv);
    lars_bench::run(settings);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lars-bench: {}\n", error.what());
    return 1;
  }
}
