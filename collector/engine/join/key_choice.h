#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_CHOICE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_CHOICE_H_

#include <vector>

#include "collector/engine/join/matcher.h"
#include "core/graph/hop_id.h"

namespace hoptrail::collector::engine {

// The joins of the ends that claim one hop key. `clients` and `servers` are Matcher::FirstOf;
// `standing` are the proven joins of the key whose ends do not contradict each other. In this
// order, each end once:
//
// 1. standing joins whose hosts have both reported their end's own address: what others report
//    later about the addresses in between, which translation explains, is no reason to believe
//    them;
// 2. pairs of class kSame;
// 3. the other standing joins;
// 4. all other pairs whose addresses are proof, those that were complete first.
//
// More than one pair can be proven: hosts that claim both ends of a key among themselves must not
// take it from others. If there is none, the best pair is inferred. Empty where no pair is
// possible.
std::vector<Match> ChooseByKey(const Matcher& matcher, std::vector<graph::HopId> clients,
                               std::vector<graph::HopId> servers,
                               const std::vector<Match>& standing);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_CHOICE_H_
