#include "core/graph/lineage.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"

namespace hoptrail::graph {
namespace {

int Rank(const Link& link) {
  if (link.proof != model::Proof::kProven) return 2;
  return link.kind == LinkKind::kHop ? 0 : 1;
}

bool Better(const Link& a, const Link& b) {
  return std::make_tuple(Rank(a), -a.probability, a.order, a.hop, a.parent) <
         std::make_tuple(Rank(b), -b.probability, b.order, b.hop, b.parent);
}

}  // namespace

const Lineage::Node* Lineage::Find(const model::SessionId& id) const {
  auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : &it->second;
}

Lineage::Node& Lineage::Get(const model::SessionId& id) {
  auto [it, inserted] = nodes_.try_emplace(id);
  if (inserted) it->second.id = &it->first;
  return it->second;
}

Lineage::Change Lineage::Offer(const model::SessionId& child, absl::Span<const Link> links) {
  if (child.empty() || links.empty()) return {};
  const Link& first = links.front();
  const auto replaced = [&](const Link& l) { return l.kind == first.kind && l.hop == first.hop; };
  absl::InlinedVector<Link, 1> offers;
  if (const Node* known = Find(child)) {
    absl::c_copy_if(known->offers, std::back_inserter(offers), std::not_fn(replaced));
  }
  for (const Link& link : links) {
    if (!link.parent.empty() && link.parent != child) offers.push_back(link);
  }
  std::sort(offers.begin(), offers.end(), Better);
  if (offers.size() > kMaxOffers) offers.resize(kMaxOffers);
  for (const Link& link : offers) Get(link.parent);
  Node& node = Get(child);
  if (node.offers == offers) return {};
  node.offers = std::move(offers);
  return Reselect(node);
}

Lineage::Change Lineage::Withdraw(const model::SessionId& child, LinkKind kind, const HopId& hop) {
  auto node = nodes_.find(child);
  if (node == nodes_.end()) return {};
  auto& offers = node->second.offers;
  const auto of_hop = [&](const Link& l) { return l.kind == kind && l.hop == hop; };
  const auto end = std::remove_if(offers.begin(), offers.end(), of_hop);
  if (end == offers.end()) return {};
  offers.erase(end, offers.end());
  return Reselect(node->second);
}

bool Lineage::Remove(const model::SessionId& id) {
  auto it = nodes_.find(id);
  if (it == nodes_.end()) return true;
  Node& node = it->second;
  if (!node.children.empty()) return false;
  if (node.above != nullptr) {
    node.above->children.erase({node.parent->order, id});
    CountChild(node.above, node.height(), /*attached=*/false);
  }
  nodes_.erase(it);
  return true;
}

const Link* Lineage::Parent(const model::SessionId& id) const {
  const Node* node = Find(id);
  return node == nullptr || !node->parent.has_value() ? nullptr : &*node->parent;
}

std::vector<Link> Lineage::OtherOffers(const model::SessionId& id) const {
  std::vector<Link> others;
  const Node* node = Find(id);
  if (node == nullptr) return others;
  absl::c_copy_if(node->offers, std::back_inserter(others),
                  [&](const Link& link) { return node->parent != link; });
  return others;
}

model::SessionId Lineage::Root(const model::SessionId& id) const {
  const Node* node = Find(id);
  if (node == nullptr) return id;
  while (node->above != nullptr) node = node->above;
  return *node->id;
}

uint32_t Lineage::Depth(const model::SessionId& id) const {
  uint32_t depth = 0;
  for (const Node* node = Find(id); node != nullptr && node->above != nullptr; node = node->above) {
    if (node->parent->kind == LinkKind::kHop) ++depth;
  }
  return depth;
}

size_t Lineage::PathLength(const model::SessionId& id) const {
  size_t sessions = 1;
  const Node* node = Find(id);
  for (; node != nullptr && node->above != nullptr; node = node->above) ++sessions;
  return sessions;
}

bool Lineage::HasChildren(const model::SessionId& id) const {
  const Node* node = Find(id);
  return node != nullptr && !node->children.empty();
}

bool Lineage::IsCut(const model::SessionId& id) const {
  const Node* node = Find(id);
  return node != nullptr && node->cut;
}

std::vector<model::SessionId> Lineage::Children(const model::SessionId& id, size_t max) const {
  std::vector<model::SessionId> children;
  const Node* node = Find(id);
  if (node == nullptr) return children;
  children.reserve(std::min(max, node->children.size()));
  for (const auto& [order, child] : node->children) {
    if (children.size() >= max) break;
    children.push_back(child);
  }
  return children;
}

std::vector<model::SessionId> Lineage::Ancestry(const model::SessionId& id, size_t max) const {
  std::vector<model::SessionId> ancestry = {id};
  const Node* node = Find(id);
  while (node != nullptr && node->above != nullptr && ancestry.size() < max) {
    node = node->above;
    ancestry.push_back(*node->id);
  }
  std::reverse(ancestry.begin(), ancestry.end());
  return ancestry;
}

void Lineage::ForSubtree(const model::SessionId& id, Visit visit) const {
  const model::SessionId root = Root(id);
  const Node* top = Find(id);
  if (top == nullptr) {
    visit(id, root, 0);
    return;
  }
  std::vector<std::pair<const Node*, uint32_t>> pending = {{top, Depth(id)}};
  while (!pending.empty()) {
    const auto [node, depth] = pending.back();
    pending.pop_back();
    if (!visit(*node->id, root, depth)) continue;
    for (const auto& [order, child] : node->children) {
      const Node* below = Find(child);
      pending.emplace_back(below, depth + (below->parent->kind == LinkKind::kHop ? 1 : 0));
    }
  }
}

Lineage::Change Lineage::Reselect(Node& child) {
  const Link* best = nullptr;
  Node* above = nullptr;
  child.cut = false;
  for (const Link& offer : child.offers) {
    Node& parent = Get(offer.parent);
    bool too_long = false;
    if (!Fits(child, parent, &too_long)) {
      child.cut = child.cut || too_long;
      continue;
    }
    best = &offer;
    above = &parent;
    break;
  }
  if (best == nullptr ? !child.parent.has_value() : child.parent == *best) return {};
  Change change{.changed = true};
  if (child.above != nullptr) {
    change.old_parent = child.parent->parent;
    child.above->children.erase({child.parent->order, *child.id});
    CountChild(child.above, child.height(), /*attached=*/false);
  }
  child.parent.reset();
  child.above = above;
  if (best == nullptr) return change;
  child.parent = *best;
  change.new_parent = best->parent;
  above->children.insert({best->order, *child.id});
  CountChild(above, child.height(), /*attached=*/true);
  return change;
}

bool Lineage::Fits(const Node& child, const Node& parent, bool* too_long) {
  size_t sessions = child.height() + 1;
  for (const Node* node = &parent; node != nullptr; node = node->above) {
    if (node == &child) return false;
    ++sessions;
  }
  *too_long = sessions > kMaxPath;
  return !*too_long;
}

void Lineage::CountChild(Node* parent, size_t height, bool attached) {
  // The height of the child on the path upwards: its count before, and after.
  std::optional<size_t> before, after;
  (attached ? after : before) = height;
  for (Node* node = parent; node != nullptr; node = node->above) {
    const size_t old = node->height();
    if (before.has_value()) {
      auto known = node->heights.find(*before);
      if (--known->second == 0) node->heights.erase(known);
    }
    if (after.has_value()) ++node->heights[*after];
    if (node->height() == old) return;
    before = old;
    after = node->height();
  }
}

}  // namespace hoptrail::graph
