#include "pictures.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace large_batch {
namespace {

constexpr const char* kStyle = R"(set datafile separator ','
set grid lc rgb '#dddddd' lw 1 lt 1
set border 3 lc rgb '#444444'
set tics nomirror
)";

// Within gnuplot's single quotes, a quote is doubled.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

std::string terminal(const std::string& format) {
  return format == "png" ? "set terminal pngcairo size 900,640 font 'Sans,11'\n"
                         : "set terminal svg size 900,640 font 'Sans,13' background 'white'\n";
}

std::string training_program(const Settings& settings, const std::string& title) {
  const std::string source = quoted((settings.out / "history.csv").string());
  std::string text =
      fmt::format("set output {}\n", quoted((settings.out / ("training." + settings.pictures)).string()));
  text += fmt::format("set multiplot layout 2,1 title {}\n", quoted(title));
  text += "set key outside right center\nset xrange [0:]\nset xlabel 'epoch'\n";
  if (settings.epochs <= 10) text += "set xtics 1\n";
  text += "set ylabel 'cross-entropy (nats)'\nset yrange [0:]\n";
  text += fmt::format(
      "plot {0} using 1:2 skip 1 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#1f6fb4' title 'training', "
      "{0} using 1:4 skip 1 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#d1651f' title 'test'\n",
      source);
  text += "set ylabel 'accuracy (%)'\nset yrange [*:100]\n";
  text += fmt::format(
      "plot {0} using 1:(100*$3) skip 1 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#1f6fb4' title "
      "'training', {0} using 1:(100*$5) skip 1 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#d1651f' "
      "title 'test'\n",
      source);
  return text + "unset multiplot\n";
}

std::string trust_ratio_program(const History& history, const Settings& settings, const std::string& title) {
  const std::string source = quoted((settings.out / "steps.csv").string());
  std::string text =
      fmt::format("set output {}\n", quoted((settings.out / ("trust-ratio." + settings.pictures)).string()));
  text += fmt::format("set title {}\n", quoted(title));
  text += "set key outside right center\nset xtics autofreq\nset xrange [0:]\nset yrange [*:*]\n";
  text += "set logscale y\nset format y '10^{%L}'\n";
  text += "set xlabel 'step'\nset ylabel 'trust ratio'\nplot ";
  // Columns 1 to 3 are step, loss and learning rate.
  for (std::size_t layer = 0; layer < history.layers.size(); ++layer) {
    text += fmt::format("{}{} using 1:{} skip 1 with lines lw 2 lt {} title {}", layer == 0 ? "" : ", ",
                        source, layer + 4, layer + 1, quoted(history.layers[layer]));
  }
  return text + "\n";
}

// gnuplot's exit status; -1 if it could not be started.
int run_gnuplot(const std::string& program) {
  std::string name = "gnuplot";
  std::string argument = program;
  const std::array<char*, 3> arguments = {name.data(), argument.data(), nullptr};
  pid_t process = 0;
  if (posix_spawnp(&process, name.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) return -1;
  int status = 0;
  if (waitpid(process, &status, 0) != process || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace

std::string draw_pictures(const History& history, const Settings& settings) {
  if (settings.pictures == "none" || history.epochs.empty()) return "";
  const std::string title = fmt::format("{} on {} images per batch, {}, learning rate {:.4g}",
                                        settings.model == "mlp" ? "MLP" : "LeNet", settings.batch,
                                        name_of(settings.optimizer), settings.learning_rate);
  std::string program = terminal(settings.pictures) + kStyle + training_program(settings, title);
  if (settings.optimizer == OptimizerKind::lars) program += trust_ratio_program(history, settings, title);

  const std::string file = (settings.out / "pictures.gp").string();
  std::ofstream stream(file);
  stream << program;
  stream.close();
  if (!stream) return file + ": cannot be written";
  const int status = run_gnuplot(file);
  if (status == -1)
    return "gnuplot could not be started, so there are no pictures; `apt-get install gnuplot-nox`";
  if (status != 0) return fmt::format("gnuplot failed with status {} on {}", status, file);
  return "";
}

}  // namespace large_batch
