// What only some test files ask for: evaluated when it is asked for.
import * as timers from "@sinonjs/fake-timers";
import assert from "assert";
import events from "events";
import path from "path-browserify";
import util from "util";
export { assert, events, path, timers, util };
