// One model's memory, and everything that is timed on it.
#pragma once

#include <lars/lars.h>
#include <oneapi/tbb/task_arena.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "floats.hpp"
#include "model.hpp"

namespace lars_bench {

/// Something to be timed, after `prepare`. `step` returns the seconds of the part that counts.
struct Contender {
  std::string name;
  double bytes_per_parameter;  // by the traffic model of docs/benchmarks.md
  bool threaded;
  std::function<double()> step;
  std::function<void()> prepare = [] {};
};

class Workload {
 public:
  /// With `baselines`, memory for what is not liblars, too: 8 bytes a parameter, and the largest tensor's.
  Workload(Model model, bool baselines);
  ~Workload();
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  Workload(Workload&&) = delete;
  Workload& operator=(Workload&&) = delete;

  [[nodiscard]] const Model& model() const { return model_; }

  /// All contenders; those after `lars` only if the workload has baselines.
  std::vector<Contender> contenders();

  /// Memory that the library holds after the first step.
  [[nodiscard]] std::size_t library_bytes() const { return library_bytes_; }

  /// On how many threads contenders run from now on.
  void use_threads(std::uint32_t threads);

 private:
  struct Settings {
    const char* kernels = "auto";
    std::int32_t policy = LARS_NONFINITE_REFUSE;
    bool carry = false;
    double weight_decay = kWeightDecay;
  };

  /// Which calls count of those that a batch of two micro-batches takes.
  enum class Timed : std::uint8_t { last_accumulate, step, whole_batch };

  static constexpr double kWeightDecay = 1e-4;

  void configure(const Settings& settings);
  void check(std::int32_t status) const;
  Contender of_lars(const char* name, double bytes, const Settings& settings);
  Contender accumulated(const char* name, double bytes, Timed timed_calls);
  template <class Loop>
  Contender of_loop(const char* name, double bytes, const Loop& loop);
  void sgd_of_batch();
  void step_by_openblas();
  void step_by_plain_loops();
  void add_accumulation(std::vector<Contender>& all);
  void add_compositions(std::vector<Contender>& all);
  void add_ceilings(std::vector<Contender>& all);
  template <class Body>
  void parallel(const Body& body) const;

  Model model_;
  std::int64_t count_;
  bool baselines_;
  Floats parameters_;
  Floats gradients_;
  Floats momentum_;  // of the baselines
  Floats sums_;      // of gradients, likewise
  Floats scratch_;   // for the largest tensor, likewise
  std::vector<void*> parameter_pointers_;
  std::vector<const void*> gradient_pointers_;
  std::vector<std::int64_t> offsets_;
  lars_optimizer* optimizer_ = nullptr;
  std::size_t library_bytes_ = 0;
  std::uint32_t threads_ = 1;
  std::unique_ptr<tbb::task_arena> arena_;
};

}  // namespace lars_bench
