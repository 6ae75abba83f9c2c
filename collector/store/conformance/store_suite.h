#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_

// The tests that every Store must pass. An implementation's test includes this header and
// instantiates StoreSuite with a StoreUnderTest.

#include "collector/store/conformance/changes_suite.h"
#include "collector/store/conformance/filters_suite.h"
#include "collector/store/conformance/hosts_suite.h"
#include "collector/store/conformance/lists_suite.h"
#include "collector/store/conformance/pages_suite.h"
#include "collector/store/conformance/retention_suite.h"
#include "collector/store/conformance/rows_suite.h"
#include "collector/store/conformance/search_suite.h"
#include "collector/store/conformance/suite_fixture.h"
#include "collector/store/conformance/writes_suite.h"

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_
