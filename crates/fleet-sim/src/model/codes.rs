//! Result codes the simulated dock answers with, each from DJI's error page
//! (`71.error-code.md`). No code is invented here.

/// The wayline file's format is not supported.
pub const FILE_FORMAT: i64 = 314_003;
/// The dock could not fetch the wayline file.
pub const FILE_FETCH: i64 = 314_013;
/// The wayline file could not be processed.
pub const FILE_BROKEN: i64 = 314_017;
/// Operation not supported in the present state.
pub const WRONG_STATE: i64 = 314_000;
/// Aircraft battery under 30 %.
pub const BATTERY_LOW: i64 = 316_009;
/// Aircraft not detected.
pub const NO_AIRCRAFT: i64 = 316_010;
/// Return failed: check that the aircraft is airborne.
pub const NOT_AIRBORNE: i64 = 316_024;
/// Landed outside the dock.
pub const LANDED_OUTSIDE: i64 = 316_051;
/// The task is running and cannot be cancelled.
pub const CANNOT_CANCEL: i64 = 319_006;
/// Dock and cloud clocks differ.
pub const CLOCKS_DIFFER: i64 = 319_008;
/// The dock is running another task.
pub const OTHER_TASK: i64 = 319_016;
/// Dock in remote debugging.
pub const REMOTE_DEBUG: i64 = 319_036;
/// Cancelling the return failed.
pub const RETURN_CANCEL: i64 = 319_043;
/// Task finished, cannot resume.
pub const CANNOT_RESUME: i64 = 319_044;
/// Task finished or paused, cannot pause.
pub const CANNOT_PAUSE: i64 = 319_046;
/// The task is already running.
pub const ALREADY_RUNNING: i64 = 321_257;
/// Task not started, cannot pause.
pub const NOT_STARTED: i64 = 321_260;
/// Wayline above the aircraft's height limit.
pub const ABOVE_LIMIT: i64 = 321_513;
/// Start or end beyond the distance limit.
pub const BEYOND_LIMIT: i64 = 321_514;
/// Low battery return, unfinished.
pub const LOW_BATTERY_RETURN: i64 = 321_773;
/// User return, unfinished.
pub const USER_RETURN: i64 = 322_283;
/// Bad cloud command parameter.
pub const BAD_PARAMETER: i64 = 325_001;
/// Command failed.
pub const COMMAND_FAILED: i64 = 325_003;
/// The dock cannot respond now.
pub const CANNOT_RESPOND: i64 = 325_005;
/// The dock has no 4G dongle.
pub const NO_DONGLE: i64 = 326_008;
/// Dock busy with another command.
pub const BUSY: i64 = 514_116;
/// Battery nearly full, no charging above 95 %.
pub const BATTERY_FULL: i64 = 514_125;
/// Task running: no debugging or second task.
pub const TASK_RUNNING: i64 = 514_148;
/// Remote debugging already left.
pub const NOT_IN_DEBUG: i64 = 514_153;
/// Aircraft outside the dock.
pub const OUTSIDE_DOCK: i64 = 514_156;
/// Charging failed: cover open.
pub const COVER_OPEN: i64 = 514_174;
/// Bad cloud command parameter of a remote-debug command.
pub const BAD_DEBUG_PARAMETER: i64 = 514_171;

/// Every code above, for the check against the facts.
pub const ALL: [i64; 32] = [
    FILE_FORMAT,
    FILE_FETCH,
    FILE_BROKEN,
    WRONG_STATE,
    BATTERY_LOW,
    NO_AIRCRAFT,
    NOT_AIRBORNE,
    LANDED_OUTSIDE,
    CANNOT_CANCEL,
    CLOCKS_DIFFER,
    OTHER_TASK,
    REMOTE_DEBUG,
    RETURN_CANCEL,
    CANNOT_RESUME,
    CANNOT_PAUSE,
    ALREADY_RUNNING,
    NOT_STARTED,
    ABOVE_LIMIT,
    BEYOND_LIMIT,
    LOW_BATTERY_RETURN,
    USER_RETURN,
    BAD_PARAMETER,
    COMMAND_FAILED,
    CANNOT_RESPOND,
    NO_DONGLE,
    BUSY,
    BATTERY_FULL,
    TASK_RUNNING,
    NOT_IN_DEBUG,
    OUTSIDE_DOCK,
    COVER_OPEN,
    BAD_DEBUG_PARAMETER,
];
