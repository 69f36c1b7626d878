"""What is remarkable about records before any training, told in sentences with numbers."""

from sysidc.runtime.data.symptoms.survey import symptoms
from sysidc.runtime.data.symptoms.symptom import Symptom

__all__ = ["Symptom", "symptoms"]
