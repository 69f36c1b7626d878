"""What a file of measurements holds, and which model it asks for: columns, roles, delay, order, nonlinearity."""

from sysidc.runtime.inspection.findings import Findings, inspect
from sysidc.runtime.inspection.recording import Recording, read_recording
from sysidc.runtime.inspection.roles import Given
from sysidc.runtime.inspection.spec import written

__all__ = ["Findings", "Given", "Recording", "inspect", "read_recording", "written"]
