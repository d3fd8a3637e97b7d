// STAND-IN
package import LoopwatchCore
package final class Symbolizer: Sendable {
    package init() {}
    package func warmUp() {}
    package func stack(for raw: RawStack) -> Stack { Stack(frames: []) }
}
