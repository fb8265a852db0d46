// Who runs the segments of a pass. No result depends on the answer: every chunk has a slot of its own.
#pragma once

#include <cstddef>
#include <span>

namespace lars {

/// Runs every item on the calling thread, in order.
class SerialExecutor {
 public:
  template <class Item, class Body>
  void for_each(std::span<const Item> items, const Body& body) const {
    for (const Item& item : items) body(item);
  }
};

}  // namespace lars
