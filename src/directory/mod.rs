//! Devices and their inventory, and the marks that say which device needs a new look. Must never plan.
