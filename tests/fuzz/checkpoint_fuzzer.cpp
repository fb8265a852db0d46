// Checkpoints from hell: whatever is loaded is refused or is one, and a refusal changes nothing.
#include <memory>
#include <string>
#include <vector>

#include "checkpoint_handles.h"
#include "observed.h"

namespace {

using lars_fuzz::counts;
using lars_fuzz::Handle;
using lars_fuzz::kKinds;
using lars_fuzz::observed;
using lars_fuzz::require;
using lars_fuzz::saved;

/// A handle that has stepped, its state before a load, and a fresh one. They are made once: refusals change
/// nothing, and what was loaded is replaced again.
struct Victim {
  explicit Victim(int kind) : handle(kind), twin(kind) {
    require(handle.step() == LARS_OK, "a step is taken");
    state = saved(handle.optimizer);
    seen = observed(handle.optimizer);
  }
  Handle handle;
  Handle twin;
  std::string state;
  std::uint64_t seen = 0;
};

Victim& victim(int kind) {
  static const std::array<std::unique_ptr<Victim>, kKinds> kVictims = {std::make_unique<Victim>(0),
                                                                       std::make_unique<Victim>(1)};
  return *kVictims[static_cast<std::size_t>(kind)];
}

std::int32_t load(Handle& handle, const std::string& checkpoint) {
  // A buffer of its own, so that reads beyond it are found.
  const std::vector<char> copy(checkpoint.begin(), checkpoint.end());
  const char nothing = 0;
  return lars_load_from(handle.optimizer, copy.empty() ? &nothing : copy.data(), copy.size());
}

/// Whatever a checkpoint says, the handle can be used: each call gives a status, and none reads or writes
/// beyond.
void use(Handle& handle) {
  for (std::int32_t key = LARS_LEARNING_RATE; key <= LARS_CLIP_VALUE; ++key) {
    double value = 0.0;
    for (std::uint32_t index = 0; index < 2; ++index) lars_get(handle.optimizer, index, key, &value);
  }
  std::array<double, 2> values = {};
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    lars_telemetry(handle.optimizer, quantity, values.data());
  }
  handle.step_accumulated();
  for (int i = 0; i < 2; ++i) handle.accumulate();
  handle.step_accumulated();
  lars_discard_accumulated(handle.optimizer);
  handle.step();
}

void require_state(lars_optimizer* optimizer, const std::string& state, const char* what) {
  require(saved(optimizer) == state, what);
  ++counts.checkpoints_compared;
}

/// Tries to load into a handle of this kind. False if it is a checkpoint of other parameters.
bool try_load(int kind, const std::string& checkpoint, bool closely) {
  Victim& one = victim(kind);
  lars_optimizer* optimizer = one.handle.optimizer;
  const std::int32_t status = load(one.handle, checkpoint);
  if (status != LARS_OK) {
    require(status == LARS_ERR_FORMAT || status == LARS_ERR_MISMATCH, "a refusal has its status");
    require(lars_error_message(optimizer)[0] != '\0', "a refusal says why");
    ++counts.failing_calls;
    require(observed(optimizer) == one.seen, "a refusal changes nothing that can be seen");
    if (closely) require_state(optimizer, one.state, "a refusal changes nothing");
    return status != LARS_ERR_MISMATCH;
  }
  ++counts.checkpoints_loaded;
  if (closely) {  // what was loaded can be saved, and that loaded again
    const std::string after = saved(optimizer);
    require(load(one.twin, after) == LARS_OK, "what is saved loads");
    require_state(one.twin.optimizer, after, "and is the same");
  }
  Handle used(kind);
  require(load(used, checkpoint) == LARS_OK, "what loads, loads into any handle");
  if (lars_add_parameter(used.optimizer, "late", LARS_F32, 0, nullptr, nullptr) == LARS_OK) {
    std::array<double, 1> late = {};
    void* parameters[] = {used.first.data(), used.second.data(), late.data()};
    require(lars_step_accumulated(used.optimizer, parameters) == LARS_ERR_STATE,
            "where parameters can be added, nothing is accumulated");
  } else {
    use(used);
  }
  require(load(one.handle, one.state) == LARS_OK, "a good one replaces it");
  require(observed(optimizer) == one.seen, "and is to be seen");
  if (closely) require_state(optimizer, one.state, "and is there");
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint32_t choice = lars_fuzz::hash(data, size);
  const bool closely = choice % 4 == 0;
  // The file made right, so that what lies behind its checksums is reached; as it is, if that cannot be done,
  // and now and then all the same.
  const std::string mended = lars_fuzz::mended(data, size);
  for (int kind = 0; kind < kKinds && !mended.empty(); ++kind) {
    if (try_load(kind, mended, closely)) break;
  }
  if (mended.empty() || choice % 16 == 1) {
    try_load(0, std::string(reinterpret_cast<const char*>(data), size), closely);
  }
  lars_fuzz::counts.count_execution();
  return 0;
}
