// Draws a run with gnuplot: loss and accuracy over epochs, trust ratio of each layer over steps.
#pragma once

#include <string>

#include "history.hpp"

namespace large_batch {

// Writes pictures.gp beside history.csv and steps.csv and runs gnuplot on it, which writes training.* and,
// for lars, trust-ratio.*. Returns what went wrong, "" if nothing did: a run is worth keeping without its
// pictures.
std::string draw_pictures(const History& history, const Settings& settings);

}  // namespace large_batch
