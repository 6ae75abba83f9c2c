#include "collector/bus/in_process_bus.h"

#include "collector/bus/conformance/fact_bus_suite.h"

namespace hoptrail::collector::bus {
namespace {

INSTANTIATE_TEST_SUITE_P(InProcess, FactBusSuite, testing::Values(FactBusMaker([](size_t capacity) {
                           return std::make_unique<InProcessBus>(capacity);
                         })));

}  // namespace
}  // namespace hoptrail::collector::bus
