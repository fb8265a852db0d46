// What a step costs through lars.h and through lars.hpp: of the tensors of ResNet-50, and of as many tiny
// ones, where all that counts is what a call costs. The bindings have the same program
// (bindings/*/overhead*), and run compares.
//
//     lars-overhead c|cpp MODEL.json SECONDS
//
// prints a line of JSON for each: {"tensors":161,"elements":25557032,"ns_per_step":14700000}
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <lars/lars.hpp>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Shape = std::vector<std::int64_t>;
using Arrays = std::vector<std::vector<float>>;

constexpr std::int64_t kTiny = 64;

std::vector<Shape> shapes_of(const char* path) {
  std::vector<Shape> shapes;
  const auto model = nlohmann::json::parse(std::ifstream(path));
  for (const auto& parameter : model.at("parameters")) shapes.push_back(parameter.at("shape").get<Shape>());
  return shapes;
}

Arrays arrays_of(const std::vector<Shape>& shapes, float value) {
  Arrays arrays;
  for (const Shape& shape : shapes) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
    arrays.emplace_back(count, value);
  }
  return arrays;
}

/// The median time of step() in so many seconds, in nanoseconds.
template <class Step>
long median_time(double seconds, const Step& step) {
  for (int i = 0; i < 10; ++i) step();
  std::vector<long> times;
  for (const auto start = Clock::now();
       times.size() < 10 || std::chrono::duration<double>(Clock::now() - start).count() < seconds;) {
    const auto before = Clock::now();
    step();
    times.push_back(static_cast<long>(std::chrono::nanoseconds(Clock::now() - before).count()));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

long time_of_c(lars::Optimizer& optimizer, Arrays& w, Arrays& g, double seconds) {
  std::vector<void*> parameters;
  std::vector<const void*> gradients;
  for (auto& array : w) parameters.push_back(array.data());
  for (const auto& array : g) gradients.push_back(array.data());
  return median_time(seconds, [&] {
    if (lars_step(optimizer.get(), parameters.data(), gradients.data()) != LARS_OK) std::abort();
  });
}

long time_of_cpp(lars::Optimizer& optimizer, Arrays& w, Arrays& g, double seconds) {
  std::vector<lars::Tensor> parameters(w.begin(), w.end());
  std::vector<lars::ConstTensor> gradients(g.begin(), g.end());
  return median_time(seconds, [&] { optimizer.step(parameters, gradients); });
}

void measure(bool c, const std::vector<Shape>& shapes, double seconds) {
  lars::Optimizer optimizer;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    optimizer.add_parameter(std::to_string(i), lars::Type::f32, shapes[i]);
  optimizer.set(lars::Key::learning_rate, 0.1);
  optimizer.set(lars::Key::weight_decay, 1e-4);
  Arrays w = arrays_of(shapes, 0.5F);
  Arrays g = arrays_of(shapes, 1e-3F);
  std::size_t elements = 0;
  for (const auto& array : w) elements += array.size();
  const long time = c ? time_of_c(optimizer, w, g, seconds) : time_of_cpp(optimizer, w, g, seconds);
  std::printf("{\"tensors\":%zu,\"elements\":%zu,\"ns_per_step\":%ld}\n", shapes.size(), elements, time);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("usage: lars-overhead c|cpp MODEL.json SECONDS");
    const bool c = std::string(argv[1]) == "c";
    const std::vector<Shape> shapes = shapes_of(argv[2]);
    const double seconds = std::stod(argv[3]);
    measure(c, shapes, seconds);
    measure(c, std::vector<Shape>(shapes.size(), Shape{kTiny}), seconds);
    return 0;
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "lars-overhead: %s\n", error.what()));
    return 1;
  }
}
