//! Where events go to become safe.
//!
//! What a device is told to have been received must survive any crash, so an acknowledgement waits
//! for its events. The keeper behind this trait may write to a database, or to the disk through
//! another process; without one (a trial without database) nothing is kept, and nothing waits.

use fleet_types::topic::DeviceEvent;

/// Called once the events are safe.
pub type Safe = Box<dyn FnOnce() + Send>;

/// Makes events safe. Never waits; what cannot be made safe yet is kept and tried again, and its
/// acknowledgement waits. How many may wait is bounded by the link's receive maximum.
pub trait Keeper: Send + Sync {
    /// Takes events of one message; `safe` is called when all of them are.
    fn keep(&self, events: Vec<DeviceEvent>, safe: Safe);
}

/// Keeps nothing: for a trial without database.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeeper;

impl Keeper for NoKeeper {
    fn keep(&self, _events: Vec<DeviceEvent>, safe: Safe) {
        safe();
    }
}
