#include "collector/engine/join/key_choice.h"

#include <optional>
#include <utility>

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {
namespace {

class Choice {
 public:
  Choice(const Matcher& matcher, std::vector<graph::HopId> clients,
         std::vector<graph::HopId> servers)
      : matcher_(matcher), clients_(std::move(clients)), servers_(std::move(servers)) {}

  void TakeStanding(const Match& match) {
    // An end that is not compared may be part of it.
    const bool taken = absl::c_any_of(chosen_, [&](const Match& other) {
      return other.client == match.client || other.server == match.server;
    });
    if (!taken) Take(match);
  }
  // The best of the ends that are left.
  std::optional<Match> Best() const { return matcher_.MatchKey(clients_, servers_); }
  void Take(const Match& match) {
    std::erase(clients_, match.client);
    std::erase(servers_, match.server);
    chosen_.push_back(match);
  }
  std::vector<Match>& chosen() { return chosen_; }

 private:
  const Matcher& matcher_;
  std::vector<graph::HopId> clients_;
  std::vector<graph::HopId> servers_;
  std::vector<Match> chosen_;
};

}  // namespace

std::vector<Match> ChooseByKey(const Matcher& matcher, std::vector<graph::HopId> clients,
                               std::vector<graph::HopId> servers,
                               const std::vector<Match>& standing) {
  Choice choice(matcher, std::move(clients), std::move(servers));
  for (const Match& match : standing) {
    if (matcher.OwnTheirAddresses(match.client, match.server)) choice.TakeStanding(match);
  }
  std::optional<Match> best = choice.Best();
  for (; best && matcher.Fit(best->client, best->server) == AddressFit::kSame;
       best = choice.Best()) {
    choice.Take(*best);
  }
  for (const Match& match : standing) choice.TakeStanding(match);
  for (best = choice.Best(); best && best->proof == model::Proof::kProven; best = choice.Best()) {
    choice.Take(*best);
  }
  if (choice.chosen().empty() && best) choice.Take(*best);
  return std::move(choice.chosen());
}

}  // namespace hoptrail::collector::engine
