#include "core/graph/lineage.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hoptrail::graph {
namespace {

int Rank(const Link& link) {
  if (link.kind == LinkKind::kCause) return 1;
  return link.proof == model::Proof::kProven ? 0 : 2;
}

bool Better(const Link& a, const Link& b) {
  return std::make_tuple(Rank(a), -a.probability, a.order, a.hop, a.parent) <
         std::make_tuple(Rank(b), -b.probability, b.order, b.hop, b.parent);
}

}  // namespace

Lineage::Change Lineage::Offer(const model::SessionId& child, const Link& link) {
  if (child.empty() || link.parent.empty() || child == link.parent) return {};
  Get(link.parent);
  auto& offers = Get(child).offers;
  auto it = std::find_if(offers.begin(), offers.end(),
                         [&](const Link& l) { return l.kind == link.kind && l.hop == link.hop; });
  if (it != offers.end()) {
    if (*it == link) return {};
    *it = link;
  } else {
    offers.push_back(link);
  }
  std::sort(offers.begin(), offers.end(), Better);
  if (offers.size() > kMaxOffers) offers.resize(kMaxOffers);
  return Reselect(child);
}

Lineage::Change Lineage::Withdraw(const model::SessionId& child, LinkKind kind, const HopId& hop) {
  auto node = nodes_.find(child);
  if (node == nodes_.end()) return {};
  auto& offers = node->second.offers;
  auto it = std::find_if(offers.begin(), offers.end(),
                         [&](const Link& l) { return l.kind == kind && l.hop == hop; });
  if (it == offers.end()) return {};
  offers.erase(it);
  return Reselect(child);
}

bool Lineage::Remove(const model::SessionId& id) {
  auto it = nodes_.find(id);
  if (it == nodes_.end()) return true;
  if (!it->second.children.empty()) return false;
  if (const auto& link = it->second.parent; link.has_value()) {
    Get(link->parent).children.erase({link->order, id});
  }
  nodes_.erase(id);
  return true;
}

const Link* Lineage::Parent(const model::SessionId& id) const {
  auto it = nodes_.find(id);
  if (it == nodes_.end() || !it->second.parent.has_value()) return nullptr;
  return &*it->second.parent;
}

model::SessionId Lineage::Root(const model::SessionId& id) const {
  auto it = nodes_.find(id);
  return it == nodes_.end() ? id : it->second.root;
}

uint32_t Lineage::Depth(const model::SessionId& id) const {
  auto it = nodes_.find(id);
  return it == nodes_.end() ? 0 : it->second.depth;
}

bool Lineage::HasChildren(const model::SessionId& id) const {
  auto it = nodes_.find(id);
  return it != nodes_.end() && !it->second.children.empty();
}

std::vector<model::SessionId> Lineage::Children(const model::SessionId& id, size_t max) const {
  std::vector<model::SessionId> children;
  auto it = nodes_.find(id);
  if (it == nodes_.end()) return children;
  children.reserve(std::min(max, it->second.children.size()));
  for (const auto& [order, child] : it->second.children) {
    if (children.size() >= max) break;
    children.push_back(child);
  }
  return children;
}

std::vector<model::SessionId> Lineage::Ancestry(const model::SessionId& id, size_t max) const {
  std::vector<model::SessionId> ancestry = {id};
  const Link* link = Parent(id);
  for (; link != nullptr && ancestry.size() < max; link = Parent(link->parent)) {
    ancestry.push_back(link->parent);
  }
  std::reverse(ancestry.begin(), ancestry.end());
  return ancestry;
}

void Lineage::ForSubtree(const model::SessionId& id,
                         absl::FunctionRef<void(const model::SessionId&)> visit) const {
  std::vector<model::SessionId> pending = {id};
  while (!pending.empty()) {
    const model::SessionId next = pending.back();
    pending.pop_back();
    visit(next);
    auto it = nodes_.find(next);
    if (it == nodes_.end()) continue;
    for (const auto& [order, child] : it->second.children) pending.push_back(child);
  }
}

Lineage::Node& Lineage::Get(const model::SessionId& id) {
  auto [it, inserted] = nodes_.try_emplace(id);
  if (inserted) it->second.root = id;
  return it->second;
}

Lineage::Change Lineage::Reselect(const model::SessionId& child) {
  std::optional<Link> best;
  for (const Link& offer : nodes_.at(child).offers) {  // best first
    if (IsBelow(offer.parent, child)) continue;
    best = offer;
    break;
  }
  const std::optional<Link> old = nodes_.at(child).parent;
  if (best == old) return {};
  Change change{.changed = true};
  if (old.has_value()) {
    change.old_parent = old->parent;
    Get(old->parent).children.erase({old->order, child});
  }
  if (best.has_value()) {
    change.new_parent = best->parent;
    Get(best->parent).children.insert({best->order, child});
  }
  nodes_.at(child).parent = best;
  RefreshSubtree(child);
  return change;
}

bool Lineage::IsBelow(const model::SessionId& id, const model::SessionId& ancestor) const {
  if (id == ancestor) return true;
  for (const Link* link = Parent(id); link != nullptr; link = Parent(link->parent)) {
    if (link->parent == ancestor) return true;
  }
  return false;
}

void Lineage::RefreshSubtree(const model::SessionId& id) {
  ForSubtree(id, [this](const model::SessionId& next) {
    Node& node = nodes_.at(next);
    if (!node.parent.has_value()) {
      node.root = next;
      node.depth = 0;
      return;
    }
    const Node& parent = nodes_.at(node.parent->parent);
    node.root = parent.root;
    node.depth = parent.depth + (node.parent->kind == LinkKind::kHop ? 1 : 0);
  });
}

}  // namespace hoptrail::graph
