internal import LoopwatchCore
internal import LoopwatchHTTP
struct EndpointResponder: HTTPResponder { let process: String; let ring: WarningRing; let builder: SnapshotBuilder; let health: WatchdogHealth }
extension HTTPSnapshot { init(_ s: S) { self.init(requests: [], connections: 0, rejected: []) } }
extension SnapshotBuilder { func metricsText() -> String { "" } }
