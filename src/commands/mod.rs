//! The queue, and what results teach. Must never lose a command, nor deliver one to another channel.
